"""Measures speed and memory of the decoder, compared with a libpcap loop, dpkt and tshark, on
captures that model the traffic of a node.
"""
