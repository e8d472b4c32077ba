"""What bundles are made of: no bundle contains itself, and one in another contains none."""

from collections import Counter
from collections.abc import Mapping, Sequence

from inventory.domain.code import sku_code
from inventory.domain.limits import COMPONENT_QUANTITY_MAX, COMPONENTS_MAX, LEAVES_MAX, QUANTITY_MAX
from inventory.domain.refusal import Reason, Refusal, sku_not_found

Components = tuple[tuple[str, int], ...]
"""SKU codes, and how much of each one bundle takes; none of what is no bundle."""


def checked_components(components: Sequence[tuple[str, int]], field: str) -> Components:
    """The components themselves. Raises TOO_MANY_LINES, SKU_FORMAT, FIELD_CONFLICT, QUANTITY_OUT_OF_RANGE."""
    if len(components) > COMPONENTS_MAX:
        raise Refusal(
            Reason.TOO_MANY_LINES,
            f"{field} has at most {COMPONENTS_MAX}",
            field=field,
            metadata={"max": str(COMPONENTS_MAX)},
        )
    seen: set[str] = set()
    for position, (code, quantity) in enumerate(components):
        path = f"{field}[{position}]"
        if sku_code(code, f"{path}.sku") in seen:
            raise Refusal(Reason.FIELD_CONFLICT, f"{code!r} stands twice", field=f"{path}.sku")
        seen.add(code)
        if not 1 <= quantity <= COMPONENT_QUANTITY_MAX:
            raise Refusal(
                Reason.QUANTITY_OUT_OF_RANGE,
                f"a bundle takes 1 to {COMPONENT_QUANTITY_MAX} of a component",
                field=f"{path}.quantity",
                metadata={"min": "1", "max": str(COMPONENT_QUANTITY_MAX)},
            )
    return tuple(components)


class Bundles:
    """What SKUs are made of, while rows of a command are judged one after the other. `asked`: what the rows not judged
    yet want, which may name each other."""

    def __init__(self, present: Mapping[str, Components], asked: Mapping[str, Components]) -> None:
        self._components = dict(present)
        self._asked = dict(asked)
        self._above: dict[str, set[str]] = {}
        for bundle, components in present.items():
            for code, _ in components:
                self._above.setdefault(code, set()).add(bundle)

    def turn(self, components: Components) -> int:
        """When a row is judged: what is no bundle, bundles of such, bundles with bundles in them."""
        if not components:
            return 0
        return 2 if any(self._wanted(code) for code, _ in components) else 1

    def put(self, code: str, components: Components) -> None:
        """The row is judged, and accepted."""
        for inside, _ in self._components.get(code, ()):
            self._above[inside].discard(code)
        for inside, _ in components:
            self._above.setdefault(inside, set()).add(code)
        self._components[code] = components
        self._asked.pop(code, None)

    def drop(self, code: str) -> None:
        """The row is judged, and refused: it stays what it was."""
        self._asked.pop(code, None)

    def check(self, bundle: str, components: Components, hidden: frozenset[str] = frozenset()) -> None:
        """`hidden`: what counts as unknown. Raises BUNDLE_CYCLE, BUNDLE_TOO_DEEP, SKU_NOT_FOUND, QUANTITY_OUT_OF_RANGE,
        TOO_MANY_LINES; `field` is relative to the SKU."""
        if not components:
            return
        above = self._above.get(bundle, set()) - {bundle}
        for position, (code, _) in enumerate(components):
            field = f"components[{position}].sku"
            inside = () if code in hidden else self._wanted(code)
            deepest = next((self._wanted(deeper) for deeper, _ in inside if self._wanted(deeper)), ())
            if bundle == code or bundle in dict(inside) or bundle in dict(deepest):
                raise Refusal(
                    Reason.BUNDLE_CYCLE,
                    f"{bundle!r} would contain itself",
                    field=field,
                    metadata={"sku": bundle, "component": code},
                )
            if deepest or (inside and above):
                raise _too_deep(bundle, code, field)
            if code in hidden or code not in self._components:
                missing = sku_not_found(code)
                missing.field = field
                raise missing
        for outer in sorted(above):
            if self._above.get(outer):
                raise _too_deep(outer, bundle, "components")
        self._check_size(bundle, bundle, components)
        for outer in sorted(above):
            self._check_size(outer, bundle, components)

    def _check_size(self, bundle: str, changed: str, components: Components) -> None:
        """Of a bundle when `changed` is made of these components."""
        leaves: Counter[str] = Counter()
        for code, quantity in components if bundle == changed else self._components[bundle]:
            inside = components if code == changed else self._components.get(code, ())
            for leaf, each in inside or ((code, 1),):
                leaves[leaf] += quantity * each
            if len(leaves) > LEAVES_MAX:
                raise Refusal(
                    Reason.TOO_MANY_LINES,
                    f"bundle {bundle!r} would be made of more than {LEAVES_MAX} SKUs",
                    field="components",
                    metadata={"max": str(LEAVES_MAX), "sku": bundle},
                )
        for leaf, quantity in leaves.items():
            if quantity > QUANTITY_MAX:
                raise Refusal(
                    Reason.QUANTITY_OUT_OF_RANGE,
                    f"bundle {bundle!r} would take {quantity} of {leaf!r}",
                    field="components",
                    metadata={"max": str(QUANTITY_MAX), "sku": bundle, "component": leaf},
                )

    def _wanted(self, code: str) -> Components:
        """What it is to be made of in the end, as far as is known."""
        found = self._asked.get(code)
        return self._components.get(code, ()) if found is None else found


def _too_deep(bundle: str, component: str, field: str) -> Refusal:
    return Refusal(
        Reason.BUNDLE_TOO_DEEP,
        f"{bundle!r} would contain {component!r}, which are bundles three deep",
        field=field,
        metadata={"sku": bundle, "component": component},
    )
