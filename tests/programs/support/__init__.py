"""What the tests with real programs share: sidecar, daemon, origin, programs, documents."""
