"""Providers' lists: imported, compared, changed as sets, and rolled back."""
