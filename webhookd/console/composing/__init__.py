"""A draft in the making: its form, what may be chosen, and the changes it is held against."""
