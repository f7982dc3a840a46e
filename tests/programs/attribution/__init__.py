"""The attribution harness: unmodified services behind a real sidecar, load whose truth is known,
and the score. `services` lists what is run, `arms` how, `plan` draws the load, `driver` and
`upstream` are programs of their own, `scorer` judges, `bench` measures and `report` prints."""
