"""The base map: streets, water and names under our own layers, if the operator has any."""
