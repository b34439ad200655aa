"""Hospitals as an Excel workbook: template, import, export."""
