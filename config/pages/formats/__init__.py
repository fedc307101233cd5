"""How pages write dates and times: one module per language, as Django expects."""
