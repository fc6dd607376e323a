"""The REST service: many clients' requests to translations. Beside the command line; knows no flag and no signal."""
