"""The drill catalogue: one YAML file a drill, numbered as in the catalogue, on the plans of `plans/`."""
