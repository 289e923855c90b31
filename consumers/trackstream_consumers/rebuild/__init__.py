"""Tables made anew from the log, and compared with it, while traffic goes on."""
