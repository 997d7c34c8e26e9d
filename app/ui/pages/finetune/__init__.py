"""The Finetune page: data, method, a run while it goes on, what it wrote, and all runs before it."""
