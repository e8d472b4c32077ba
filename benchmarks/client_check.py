"""Does our load client measure what h2load measures: the rate of the echo server under each, 64 calls in flight?

h2load (Debian's nghttp2-client) sends the same body each time, so only the echo server can be driven by both.
"""

import re
import shutil
import subprocess
import sys

from benchmarks.measure import CONNECTIONS, IN_FLIGHT, RESERVE, Accounts, Options, Round, in_turn, reserving
from benchmarks.servers import Site
from benchmarks.workload import Orders

SKUS = 500


def main() -> None:
    options = Options.parse(__doc__)
    h2load = shutil.which("h2load")
    if h2load is None:
        sys.exit("h2load is missing; on Debian: apt-get install nghttp2-client")
    with Site.open(pin=options.pin) as site:
        echo = site.echo()
        orders = Orders(SKUS)
        body = site.directory / "body"
        body.write_bytes(next(orders.bodies()))
        command = [h2load, f"--clients={CONNECTIONS}", f"--max-concurrent-streams={IN_FLIGHT // CONNECTIONS}"]
        command += ["--threads=1", "--warm-up-time=0", f"--data={body}", "--header=te: trailers"]
        command += ["--header=content-type: application/grpc", f"http://{echo.address}{RESERVE}"]

        def reference(seconds: float) -> Round:
            with Accounts(site, echo) as accounts:
                done = subprocess.run(
                    [*command, f"--duration={round(seconds)}"], check=True, capture_output=True, text=True
                ).stdout
            calls = re.search(r"(\d+) succeeded, 0 failed", done)
            mean_us = re.search(r"time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms)", done)
            if calls is None or mean_us is None:
                raise RuntimeError(f"h2load failed:\n{done}")
            mean_s = float(mean_us[1]) / (1e6 if mean_us[2] == "us" else 1e3)
            return accounts.round(int(calls[1]), round(seconds), mean_s, mean_s)

        found = in_turn({"ours": reserving(site, echo, orders), "h2load": reference}, options, "calls")
    print("h2load gives no percentiles: its mean is shown in their place")
    print(f"{found['ours'].rate / found['h2load'].rate:.3f}")


if __name__ == "__main__":
    main()
