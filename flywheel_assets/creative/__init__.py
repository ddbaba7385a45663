"""From a raw video to approved blueprints: perception, ranking, director, council, reflexion."""
