"""Tables, plots and documents, from results only: nothing here needs a model."""
