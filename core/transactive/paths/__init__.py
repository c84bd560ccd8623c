"""Acts: each verb from its check to the ledger and the index. Rules decide, paths carry out."""
