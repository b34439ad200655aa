"""Values as people write them: for each kind one function that answers its one normal form, and one limit."""
