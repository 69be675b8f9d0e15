"""The main job: configuration -> updated feeds, a release and its exports, with progress events."""
