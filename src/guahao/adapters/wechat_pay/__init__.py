"""WeChat Pay API v3 for one merchant and one mini program."""
