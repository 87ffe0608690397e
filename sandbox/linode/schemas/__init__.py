"""The JSON objects of the API, as pydantic models: what requests may carry and what answers look like."""
