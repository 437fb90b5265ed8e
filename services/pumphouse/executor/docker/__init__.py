"""Pipelines that bring a Dockerfile: their images, and a container for each execution."""
