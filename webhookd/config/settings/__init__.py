"""The settings of the process: names and meanings, how people write them, what reads them."""
