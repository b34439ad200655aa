"""Rules of scheduling without I/O: slots, pools, workdays, plans and shown states."""
