"""The example sets that come with the app, as the templates and word lists that `write_finetune_sets.py` fills in."""
