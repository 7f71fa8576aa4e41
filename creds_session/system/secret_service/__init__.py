"""The Secret Service on a bus: service, collections, transfer of secrets."""
