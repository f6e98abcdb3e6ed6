"""An ablation study of Glow: small models that differ in one idea each."""
