"""Scene classification: class map (SCL), cloud and snow confidence from top-of-atmosphere reflectance."""
