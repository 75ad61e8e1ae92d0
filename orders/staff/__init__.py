"""What our own people see and do beside the tables of the staff console."""
