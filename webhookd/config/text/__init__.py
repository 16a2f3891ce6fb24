"""The text of configuration files: YAML 1.2 read into values that know their place.

`yaml_reader` reads, `scalars` decides what a plain word is, `node` walks what was read, `limits`
bounds what a hostile file may cost.
"""
