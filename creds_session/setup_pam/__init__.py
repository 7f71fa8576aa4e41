"""Change PAM safely: plan, prove, install, confirm, revert."""
