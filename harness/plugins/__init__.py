"""What comes with apigauge and could as well come from elsewhere."""
