"""A channel: an adapter that keeps a marketplace's stock numbers right."""
