"""What a REST API answers, taken apart: rows, times, links, and what its errors mean."""
