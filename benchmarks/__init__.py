"""Speed as ratios: each benchmark runs its yardstick and the product in turn and answers one question."""
