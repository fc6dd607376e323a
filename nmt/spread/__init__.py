"""Work spread over the machines of a Ray cluster; the only room that knows Ray."""
