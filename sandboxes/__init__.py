"""Where untrusted code runs, and nothing else. Nothing runs yet: this version scores answers without executing them."""
