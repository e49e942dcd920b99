"""Ground: documents, the policy gate, the secret scan, ignore rules, trust, roots."""
