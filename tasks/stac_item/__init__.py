"""The STAC item of a finished Level-2A product, made from the product's own metadata."""
