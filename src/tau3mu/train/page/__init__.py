"""Pages of a store: analyses, tests, trains, datasets and jobs, for the application of `web`."""
