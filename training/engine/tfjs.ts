/**
 * tfjs with its gradients registered. Production mode keeps tfjs from printing its advice about tfjs-node on every first
 * use in Node.
 */
import * as tf from '@tensorflow/tfjs'

tf.enableProdMode()

export { tf }
