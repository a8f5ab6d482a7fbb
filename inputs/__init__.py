"""What people type, checked: strict models, wrong input as sentences, settings from the environment. Knows no HTTP."""
