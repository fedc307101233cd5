"""Import and export: files of this service and, in foreign/, those of other systems."""
