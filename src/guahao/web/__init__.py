"""The edge: HTTP application, command line, wiring and migrations; decides nothing of the business."""
