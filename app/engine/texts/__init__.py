"""Texts from files, tables and datasets: found out, decoded, read record by record."""
