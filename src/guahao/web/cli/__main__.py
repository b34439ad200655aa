"""Runs the command line as `python -m guahao.web.cli`."""

from guahao.web.cli import main

main()
