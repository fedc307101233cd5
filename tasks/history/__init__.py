"""The record of every change, and what can be done with it: a timeline, restore, undo."""
