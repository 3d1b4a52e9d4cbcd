"""Who asks, and what they may: sessions, keys, roles, and proof that a form is one of ours."""
