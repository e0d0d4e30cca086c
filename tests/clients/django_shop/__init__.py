"""An application of Django whose models live in Cassandra."""
