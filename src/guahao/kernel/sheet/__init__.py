"""Tables out of files people make: Excel workbooks, and CSV files single, in a folder or zipped."""
