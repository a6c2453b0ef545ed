import logging
logging.getLogger('server.database').setLevel(logging.DEBUG)
