"""Files of other systems, each mapped to records of this service."""
