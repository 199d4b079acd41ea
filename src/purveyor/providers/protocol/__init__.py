"""API v2 as providers speak it: what they are sent, and what their odd answers mean."""
