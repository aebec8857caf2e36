"""Many products: find them, skip what is done, process the rest in bounded waves, and keep the books."""
