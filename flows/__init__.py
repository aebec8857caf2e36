"""What runs, in which order. No formula and no file format is here: those are in ``tasks``."""

from flows.environment import prepare_environment

prepare_environment()
