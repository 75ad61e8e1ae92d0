<?php
/*
 * Calls every method of CartRover's own client for PHP, which is loaded unchanged from where it lies, and prints what each returned.
 *
 * Arguments: the client's lib/cartrover.php, the address of the hub, an API user, its key. Standard input: [[method, [arguments]], ..].
 * The host name is replaced in the loaded class, as nothing else can be set.
 */
error_reporting(E_ALL & ~E_DEPRECATED);
[, $library, $address, $user, $key] = $argv;
require $library;
$client = new \CartRover\cartrover($user, $key);
$base = new ReflectionProperty('CartRover\APIObject', 'api_base');
$base->setAccessible(true);
$base->setValue(null, $address . '/');
$returned = [];
foreach (json_decode(stream_get_contents(STDIN), true) as [$method, $arguments]) {
    try {
        $returned[] = $client->$method(...$arguments);
    } catch (\CartRover\CRError $error) {
        $returned[] = ['raised' => $error->getMessage(), 'status' => $error->getHttpStatus()];
    }
}
echo json_encode($returned);
