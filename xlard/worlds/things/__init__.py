"""The things world: real-looking objects with shading and contact shadows, on places with texture."""
